/** The commands `attach`, `detach` and `attached`. */
import { TOTAL } from '../../core/packets/stats.ts';
import type { AttachmentCommands } from '../routes/attachments.ts';
import type { SubjectService } from '../subjects/subject-service.ts';
import type { Seen } from './metrics.ts';

export function subjectCommands(
  service: SubjectService,
  seen: () => Promise<Seen>,
): AttachmentCommands['subjects'] {
  return {
    attach: (request) => service.attach(request),
    detach: (request) => service.detach(request),
    report: async () => {
      const { snapshot } = await seen();
      return { attachments: service.list(), unknownFlows: snapshot.stats.totals[TOTAL.ownersUnknown]! };
    },
  };
}
