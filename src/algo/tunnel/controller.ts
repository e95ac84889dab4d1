/**
 * How many TCP connections a tunnel needs to get its rate among others.
 *
 * Reference: Guirguis, Bestavros, Matta, Riga, Diamant, Zhang, "Providing soft bandwidth guarantees using
 * elastic TCP-based tunnels" (2004), for the model. Their controller is one of proportion and integral; this
 * one is a reference of ours, without an integral, so nothing winds up.
 *
 * Model. Connections of like round trips share a bottleneck of capacity C equally: m of x + m get
 *
 *     b(m) = C m / (m + x)             the least m for a target B is  ceil(B x / (C - B)),  if B < C
 *
 * Once a period the controller compares the goodput b with the target B:
 *
 *     e = (B - b) / B;  |e| <= dead band: stay;  else  want = ceil(m B / b),
 *     at most +2 or -1, from 1 to the maximum
 *
 * | parameter      | unit   | range   | default |
 * |----------------|--------|---------|---------|
 * | target         | bytes/s, or any unit of goodput | > 0 | |
 * | connectionsMax |        | >= 1    | 16      |
 * | dead band      |        |         | 0.05    |
 * | step           |        |         | +2, -1  |
 * | least gain     |        |         | 0.1     |
 *
 * A want of `ceil` never closes a connection if the others would then fall short by proportion. In a period
 * without demand the goodput says nothing about the network: it is ignored unless it is above the target. If
 * connections were opened, and brought less than a tenth of what they would bring by proportion, nearly all
 * of the bottleneck is ours, and more connections only lose more packets: the controller waits 2, 4, ... 64
 * periods before it opens others. The first time may be a chance, as when others came meanwhile: the second
 * time in a row the target is called unreachable.
 *
 * By the model one connection less costs less than by proportion. So a goodput that stays above the target
 * for 16 periods has one closed as a trial. If the rest falls short, it comes back, and the next trial waits
 * twice as long, at most 256 periods.
 *
 * Worked example: target 4 of 10, four others: m 1 has 2.0, so m 2; that has 3.33, so m 3; that has 4.29, and
 * 3 * 4 / 4.29 is more than 2: it stays.
 *
 * Invariants (test/unit/algo/tunnel/controller, test/vectors):
 *  1. m stays between 1 and the maximum, and moves by +2 or -1 at most.
 *  2. By the model m ends at the least one, or where the goodput is within the dead band, but for trials.
 *  3. A period without demand and below the target changes nothing.
 *
 * Departures: see Reference. Cost: nothing, once a period.
 */

const DEAD_BAND = 0.05;
const STEP_UP = 2;
const STEP_DOWN = 1;
const LEAST_GAIN = 0.1;
const WAIT_PERIODS = 2;
const WAIT_PERIODS_MAX = 64;
const TRIAL_PERIODS = 16;
const TRIAL_PERIODS_MAX = 256;
/** Rounding of m B / b must not open a connection. */
const SLACK = 1e-9;

/** What m connections get of `capacity` beside `foreign` others, by the model. */
export function shareOf(capacity: number, connections: number, foreign: number): number {
  return (capacity * connections) / (connections + foreign);
}

/** The least number of connections that reaches the target by the model, at most `connectionsMax`. */
export function leastConnections(
  target: number,
  capacity: number,
  foreign: number,
  connectionsMax: number,
): number {
  if (target >= capacity) return connectionsMax;
  const least = Math.ceil((target * foreign) / (capacity - target) - SLACK);
  return Math.min(Math.max(least, 1), connectionsMax);
}

export interface ControllerParameters {
  readonly target: number;
  readonly connectionsMax: number;
}

export class TunnelController {
  /** How many connections there should be. */
  connections: number;
  /** More connections do not help, or there may be no more, and the target is missed. */
  isUnreachable = false;
  private readonly params: ControllerParameters;
  /** Goodput and connections before the last increase; 0: the last period was no increase. */
  private goodputBefore = 0;
  private connectionsBefore = 0;
  private waitPeriods = 0;
  private nextWait = WAIT_PERIODS;
  /** Periods above the target in a row, how many call for a trial, and whether the last step was one. */
  private periodsAbove = 0;
  private nextTrial = TRIAL_PERIODS;
  private isTrial = false;

  constructor(params: ControllerParameters, connections = 1) {
    this.params = params;
    this.connections = Math.min(Math.max(1, connections), params.connectionsMax);
  }

  /** A period has ended. `hadDemand`: the tunnel had more to carry than it could. Returns `connections`. */
  step(goodput: number, hadDemand: boolean): number {
    const { target } = this.params;
    const error = (target - goodput) / target;
    if (error > 0 && !hadDemand) {
      this.connectionsBefore = 0;
      return this.connections;
    }
    if (error >= -DEAD_BAND) this.periodsAbove = 0;
    if (Math.abs(error) <= DEAD_BAND) this.settle();
    else if (error < 0) this.fall(goodput);
    else this.rise(goodput);
    return this.connections;
  }

  private settle(): void {
    this.isTrial = false;
    this.isUnreachable = false;
    this.connectionsBefore = 0;
    this.waitPeriods = 0;
    this.nextWait = WAIT_PERIODS;
  }

  private fall(goodput: number): void {
    this.settle();
    const want = this.wantedFor(goodput);
    if (want >= this.connections && ++this.periodsAbove < this.nextTrial) return;
    this.isTrial = want >= this.connections;
    this.periodsAbove = 0;
    this.connections = Math.max(1, this.connections - STEP_DOWN);
  }

  private rise(goodput: number): void {
    const { connections } = this;
    const { connectionsMax } = this.params;
    if (this.isTrial) this.nextTrial = Math.min(this.nextTrial * 2, TRIAL_PERIODS_MAX);
    this.isTrial = false;
    if (this.connectionsBefore > 0) {
      const hasGained = this.hasGained(goodput);
      this.waitPeriods = hasGained ? 0 : this.nextWait;
      this.nextWait = hasGained ? WAIT_PERIODS : Math.min(this.nextWait * 2, WAIT_PERIODS_MAX);
    }
    this.connectionsBefore = 0;
    this.isUnreachable = connections >= connectionsMax || this.nextWait > WAIT_PERIODS * 2;
    if (this.waitPeriods > 0) {
      this.waitPeriods--;
      return;
    }
    const most = Math.min(connections + STEP_UP, connectionsMax);
    this.connections = Math.max(connections, Math.min(this.wantedFor(goodput), most));
    if (this.connections > connections) {
      this.connectionsBefore = connections;
      this.goodputBefore = goodput;
    }
  }

  private wantedFor(goodput: number): number {
    if (goodput <= 0) return this.params.connectionsMax;
    return Math.ceil((this.connections * this.params.target) / goodput - SLACK);
  }

  private hasGained(goodput: number): boolean {
    const proportional = (this.goodputBefore * this.connections) / this.connectionsBefore;
    return goodput - this.goodputBefore >= LEAST_GAIN * (proportional - this.goodputBefore);
  }
}
