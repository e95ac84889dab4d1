/** What `nfqueue-shaper/module` exports. */
export * from './module.ts';
export * from './packet.ts';
export * from './too-big.ts';
