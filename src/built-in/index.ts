/** The modules that come with the program, by name. Each is loaded when it is asked for. */
export const BUILT_IN: Readonly<Record<string, () => Promise<{ readonly default: object }>>> = {
  'elastic-tunnel': () => import('./elastic-tunnel.ts'),
  'itm-route': () => import('./itm-route.ts'),
};
