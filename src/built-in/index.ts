/** The modules that come with the program, by name. Each is loaded when it is asked for. */
export const BUILT_IN: Readonly<Record<string, () => Promise<{ readonly default: object }>>> = {
  'itm-route': () => import('./itm-route.ts'),
  'elastic-tunnel': () => import('./elastic-tunnel.ts'),
};
