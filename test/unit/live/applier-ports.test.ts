/** Rules that follow a device into a bridge and out of it. */
import { describe, expect, it } from 'vitest';
import { type BridgePorts, NO_PORTS } from '../../../src/spec/queue-plan.ts';
import { TWO, world } from './applier-world.ts';

describe('a device that joins a bridge', () => {
  const JOINED: BridgePorts = new Map([['wan0', 'br0']]);

  it('is followed by the rules, and the configuration stays', async () => {
    const { follow, steps, running, request } = world();
    await follow(JOINED);
    expect(steps).toEqual([
      'uses 1',
      'NFQUEUEs: gso, 1 of 32768',
      'rules: wan0>0',
      'NFQUEUEs: gso, 1 of 32768',
      'rules finished',
      'uses 1',
    ]);
    expect(request().plan.directions).toMatchObject([{ device: 'wan0', bridge: 'br0' }]);
    expect(running.generation).toBe(1);
    steps.splice(0);
    await follow(JOINED);
    expect(steps).toEqual([]);
    await follow(NO_PORTS);
    // Chains in the hooks of bridges stay: without one, waiting packets were lost.
    expect(request()).toMatchObject({ keepsPortHooks: true, plan: { gso: [false] } });
    expect(request().plan.directions[0]).not.toHaveProperty('bridge');
  });

  it('is as before where the rules cannot follow, and the next change does not try', async () => {
    const { follow, apply, fails, request } = world();
    fails.add('rules: wan0>0');
    await expect(follow(JOINED)).rejects.toThrow('rules: wan0>0 failed');
    fails.clear();
    expect(await apply(TWO)).toMatchObject({ ok: true });
    expect(request().plan.directions[0]).not.toHaveProperty('bridge');
  });

  it('may be one that a change brings', async () => {
    const { apply, at, request } = world();
    at.ports = new Map([['ppp0', 'br0']]);
    expect(await apply(TWO)).toMatchObject({ ok: true });
    expect(request().plan.directions).toContainEqual(
      expect.objectContaining({ device: 'ppp0', bridge: 'br0' }),
    );
  });

  it('is left alone while the instance stops', async () => {
    const { follow, at, steps } = world();
    at.isStopping = true;
    await follow(JOINED);
    expect(steps).toEqual([]);
  });
});
