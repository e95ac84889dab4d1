/** Routes of attachments: which processes, users, control groups and sockets go to which class. */
import { ApiError } from '../api-error.ts';
import type { Subjects } from '../commands/subjects.ts';
import { type Route, route } from '../http/route.ts';
import { boolean, choice, integer, list, object, optional, text } from '../http/schema.ts';
import { SUBJECT_FORMS } from '../subjects/subject.ts';

const ATTACHMENT = object('An attachment', {
  id: integer('For DELETE /v1/attachments/{id}'),
  subject: text(`As it is written: ${SUBJECT_FORMS}`),
  text: text('What it is: the program of a process, the paths of a unit'),
  classes: list('One in each direction at most', text('The class')),
  processes: integer('How many belong to it now, children included'),
  sockets: integer('How many of them these processes have open'),
  since: text('ISO 8601'),
  state: choice('waiting: nothing of it is here now', ['active', 'waiting']),
});

const ANSWER = object('The attachment', {
  attachment: ATTACHMENT,
  notes: list('What one should know besides', text('A sentence')),
});

export interface AttachmentCommands {
  readonly subjects: Subjects;
}

export function attachmentRoutes({ subjects }: AttachmentCommands): Route[] {
  return [
    route({
      method: 'GET',
      path: '/v1/attachments',
      summary: 'Which processes, users, control groups and sockets are attached to classes',
      answer: object('Attachments', {
        attachments: list('The oldest first', ATTACHMENT),
        unknownFlows: integer('Local flows of which the kernel could not tell whose they are'),
      }),
      handle: () => subjects.report(),
    }),
    route({
      method: 'POST',
      path: '/v1/attachments',
      summary: 'Attaches a subject to classes, one for each direction',
      body: object('What goes where', {
        subject: text(SUBJECT_FORMS),
        classes: list('Of another direction each', text('wan/up/guests')),
        make: optional(
          object('Make a class inside the given one, or inside its direction, that ends with the subject', {
            up: optional(text('Its ceil: 3mbit')),
            down: optional(text('Its ceil: 5mbit')),
          }),
        ),
        ownsGroup: optional(
          boolean('The control group was made for this: it is removed when its last process has ended'),
        ),
      }),
      answer: ANSWER,
      handle: async ({ body }) => subjects.attach(body),
    }),
    route({
      method: 'DELETE',
      path: '/v1/attachments',
      summary: 'Detaches a subject, by its text',
      query: {
        subject: text('As in /v1/attachments'),
        from: optional(text('One class or direction; all without it')),
      },
      answer: ANSWER,
      handle: async ({ query: { subject, from } }) => subjects.detach({ subject, from }),
    }),
    route({
      method: 'DELETE',
      path: '/v1/attachments/:id',
      summary: 'Detaches a subject, by the id of its attachment',
      query: { from: optional(text('One class or direction; all without it')) },
      answer: ANSWER,
      handle: async ({ params: { id }, query: { from } }) => {
        if (!/^\d{1,15}$/.test(id))
          throw new ApiError(400, 'wrong-value', 'id: the number of an attachment is expected', 'id');
        return subjects.detach({ id: Number(id), from });
      },
    }),
  ];
}
