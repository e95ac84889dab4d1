/**
 * The devices of packets that br_netfilter shows to the hooks of IP. There a packet of a bridge shows the
 * bridge, and beside it the ports.
 *
 *     the bridge switches it from port to port   it crosses the ports and no device above them
 *     it goes up to IP                           it crosses the port, then the bridge. A shaped port shows,
 *                                                else the bridge
 *
 * In the hooks of a bridge itself packets show their ports as devices, and nobody needs this.
 */
import { ARRIVAL_ROWS } from '../../limits.ts';
import type { Arrivals } from '../../packet/batch.ts';

export type ShownDevices = Pick<Arrivals, 'ifIndexIn' | 'ifIndexOut'>;

export class ShownPorts implements ShownDevices {
  readonly ifIndexIn = new Uint32Array(ARRIVAL_ROWS);
  readonly ifIndexOut = new Uint32Array(ARRIVAL_ROWS);

  /** Fills rows [0, rows). `isShaped` says whether what arrives by the device with this index is shaped. */
  show(arrivals: Arrivals, rows: number, isShaped: (ifIndex: number) => boolean): void {
    const { portIn, portOut } = arrivals;
    for (let p = 0; p < rows; p++) {
      const isSwitched = portOut[p] !== 0;
      const showsPort = portIn[p] !== 0 && (isSwitched || isShaped(portIn[p]));
      this.ifIndexIn[p] = showsPort ? portIn[p] : arrivals.ifIndexIn[p];
      this.ifIndexOut[p] = isSwitched ? portOut[p] : arrivals.ifIndexOut[p];
    }
  }
}
