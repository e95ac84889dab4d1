/** The commands `attach`, `detach` and `attached`. */
import { TOTAL } from '../../core/packets/stats.ts';
import type { AttachmentsReport, SubjectService } from '../subjects/subject-service.ts';
import type { Seen } from './metrics.ts';

export interface Subjects extends Pick<SubjectService, 'attach' | 'detach'> {
  report(): Promise<AttachmentsReport>;
}

export function subjectCommands(service: SubjectService, seen: () => Promise<Seen>): Subjects {
  return {
    attach: (request) => service.attach(request),
    detach: (request) => service.detach(request),
    report: async () => {
      const { snapshot } = await seen();
      return { attachments: service.list(), unknownFlows: snapshot.stats.totals[TOTAL.ownersUnknown]! };
    },
  };
}
