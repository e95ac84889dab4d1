/**
 * A shaper whose socket buffer is as small as the machine gives to everybody: root in a user namespace of its
 * own may not exceed net.core.rmem_max. Started by rootless.test.ts inside such a namespace; prints one line
 * of JSON.
 */
import { createLab } from '../../../bench/lab/lab.ts';
import { pause } from '../../../bench/lab/pause.ts';
import { type LogLine, type Status, type Stopped, startShaper } from '../../../bench/lab/shaper.ts';
import { type TcpTransfer, tcpTransfer } from '../../../bench/lab/tcp.ts';
import { sendUdp, startSink, type UdpReceived, udpTransfer } from '../../../bench/lab/udp.ts';

export interface RootlessReport {
  readonly warning: LogLine | undefined;
  readonly sentPackets: number;
  readonly received: UdpReceived;
  readonly later: UdpReceived;
  readonly status: Status;
  readonly stopped: Stopped;
  /** Of another start, which paces. */
  readonly paced: { readonly status: Status; readonly transfer: TcpTransfer };
}

const PORT = 7001;
/** Socket memory of the smallest message. */
const MESSAGE_BYTES = 832;
const PACED_BYTES = 400_000;
const PACKETS_MAX = 60_000;

const lab = await createLab();
try {
  const { client, server } = lab;
  const shaper = await startShaper(
    lab,
    'links: { wan: { device: wan0, up: { rate: 200mbit, classes: { all: { queue: { discipline: fifo, limit: 65000p } } } } } }\n' +
      'nfqueue: { length: 65536 }',
  );
  const warning = shaper.logs.find(({ msg }) => msg.includes('smaller socket buffer'));
  const count = Math.min(PACKETS_MAX, 500 + Math.ceil(Number(warning?.rcvbufBytes) / MESSAGE_BYTES));
  const sink = await startSink(server, { port: PORT, waitMs: 30_000 });
  const goOn = pause(shaper.child);
  const sent = await sendUdp(client, server, { port: PORT, count, lengthBytes: 60 });
  goOn();
  const received = await sink.finished();
  const later = await udpTransfer(client, server, { port: PORT, count: 100, lengthBytes: 60 });
  const status = await shaper.status();
  const stopped = await shaper.stop();
  const pacer = await startShaper(
    lab,
    'links: { wan: { device: wan0, up: { rate: 12mbit, tcp: { pace: true } } } }',
  );
  const transfer = await tcpTransfer(client, server, { port: PORT, bytes: PACED_BYTES });
  const paced = { status: await pacer.status(), transfer };
  await pacer.stop();
  const report: RootlessReport = {
    warning,
    sentPackets: sent.packets,
    received,
    later: later.received,
    status,
    stopped,
    paced,
  };
  console.log(JSON.stringify(report));
} finally {
  await lab.close();
}
