/** What the kernel is asked of a local flow. What becomes of the answer: test/sim/subjects.test.ts. */
import { expect, test } from 'vitest';
import type { SocketQuestion } from '../../../../src/packet/sockets.ts';
import { IPPROTO_TCP } from '../../../../src/packet/tcp-header.ts';
import { IPPROTO_UDP } from '../../../../src/sim/packets/packets.ts';
import { comes, FakeSockets, leaves, updateOf, WAN } from '../../../sim/subjects-world.ts';
import { MS, SECOND, shaper, World } from '../../../sim/world.ts';

class NotedSockets extends FakeSockets {
  readonly questions: SocketQuestion[] = [];

  override ask(): boolean {
    this.questions.push({ ...this.question });
    return super.ask();
  }
}

const tree = { rate: 1e9, burst: 1e6 };
const HERE6 = [0x20010db8, 1, 2, 3] as const;
const THERE6 = [0xfd000001, 4, 5, 6] as const;

function play(inject: (world: World) => void): NotedSockets {
  const sockets = new NotedSockets();
  const world = new World(shaper({ wan: { up: tree, down: tree } }), { sockets });
  world.engine.updateSubjects(updateOf({ matched: [{ key: 'user:alice', subject: 0 }] }), 0);
  inject(world);
  world.run(SECOND);
  return sockets;
}

test('the local end of a packet that leaves is its source, of one that comes its destination', () => {
  const v6 = { protocol: IPPROTO_TCP };
  const { questions } = play((world) =>
    world.inject([
      leaves(0, 5001, { shape: { src: 0x0a000001, dst: 0x0b000002, dport: 80 } }),
      comes(MS, 5001, { shape: { src: 0x0b000002, dst: 0x0a000001, sport: 80 } }),
      leaves(2 * MS, 5002, { shape: { ...v6, src: HERE6, dst: THERE6, dport: 443 } }),
      comes(3 * MS, 5002, { shape: { ...v6, src: THERE6, dst: HERE6, sport: 443 } }),
    ]),
  );
  const v4Ends = {
    ...{ protocol: IPPROTO_UDP, family: 4, ifIndex: WAN },
    ...{ local0: 0x0a000001, local1: 0, local2: 0, local3: 0, localPort: 5001 },
    ...{ remote0: 0x0b000002, remote1: 0, remote2: 0, remote3: 0, remotePort: 80 },
  };
  const v6Ends = {
    ...{ protocol: IPPROTO_TCP, family: 6, ifIndex: WAN },
    ...{ local0: HERE6[0], local1: 1, local2: 2, local3: 3, localPort: 5002 },
    ...{ remote0: THERE6[0], remote1: 4, remote2: 5, remote3: 6, remotePort: 443 },
  };
  expect(questions).toEqual([v4Ends, v4Ends, v6Ends, v6Ends]);
});

test('nobody is asked of forwarded packets, of other protocols and of fragments without ports', () => {
  const { questions } = play((world) =>
    world.inject([
      leaves(0, 1, { hook: 2, ifIndexIn: 9 }),
      leaves(MS, 1, { shape: { protocol: 132 } }),
      leaves(2 * MS, 1, { shape: { fragment: { id: 7, offsetBytes: 1480, more: false } } }),
    ]),
  );
  expect(questions).toEqual([]);
});
