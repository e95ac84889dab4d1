/** The table of all routes. */
import { withOpenApi } from '../http/openapi.ts';
import type { Route } from '../http/route.ts';
import { type InstanceCommands, instanceRoutes } from './instance.ts';

/** The commands that the routes call. */
export type RouteCommands = InstanceCommands;

export function routesOf(commands: RouteCommands, version: string): readonly Route[] {
  return withOpenApi([...instanceRoutes(commands)], version);
}
