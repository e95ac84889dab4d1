/** The table of all routes. */
import { withOpenApi } from '../http/openapi.ts';
import type { Route } from '../http/route.ts';
import { type AttachmentCommands, attachmentRoutes } from './attachments.ts';
import { type ChangeCommands, changeRoutes } from './change.ts';
import { type EventCommands, eventRoutes } from './events.ts';
import { type InstanceCommands, instanceRoutes } from './instance.ts';
import { type ModuleCommands, moduleRoutes } from './modules.ts';
import { type QuotaCommands, quotaRoutes } from './quotas.ts';
import { type TcpCommands, tcpRoutes } from './tcp.ts';
import { type ViewCommands, viewRoutes } from './views.ts';
import { type WhyCommands, whyRoutes } from './why.ts';

/** The commands that the routes call. */
export type RouteCommands = InstanceCommands &
  ChangeCommands &
  AttachmentCommands &
  EventCommands &
  ViewCommands &
  QuotaCommands &
  ModuleCommands &
  WhyCommands &
  TcpCommands;

export function routesOf(commands: RouteCommands, version: string): readonly Route[] {
  return withOpenApi(
    [
      ...instanceRoutes(commands),
      ...changeRoutes(commands),
      ...attachmentRoutes(commands),
      ...viewRoutes(commands),
      ...quotaRoutes(commands),
      ...moduleRoutes(commands),
      ...whyRoutes(commands),
      ...tcpRoutes(commands),
      ...eventRoutes(commands),
    ],
    version,
  );
}
