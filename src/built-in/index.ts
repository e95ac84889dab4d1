/** The modules that come with the program, by name. Each is loaded when it is asked for. */
export const BUILT_IN: Readonly<Record<string, () => Promise<{ readonly default: object }>>> = {
  qosmod: () => import('./qosmod.ts'),
  'itm-route': () => import('./itm-route.ts'),
  'elastic-tunnel': () => import('./elastic-tunnel.ts'),
  delay: () => import('./delay.ts'),
  loss: () => import('./loss.ts'),
  reorder: () => import('./reorder.ts'),
  duplicate: () => import('./duplicate.ts'),
};
