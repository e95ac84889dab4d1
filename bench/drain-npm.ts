/**
 * Contender: the npm package `nfqueue` with its own API, accepting everything. Arguments: queue number,
 * length.
 */
import { NF_ACCEPT } from '../src/packet/batch.ts';
import { openNpmQueue } from './npm-nfqueue.ts';

openNpmQueue(Number(process.argv[2]), Number(process.argv[3]), (packet) => packet.setVerdict(NF_ACCEPT));
process.on('SIGTERM', () => process.exit(0));
console.log('ready');
