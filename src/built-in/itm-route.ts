/**
 * Overlay routing, as the application itmRoute of the itmBench paper: packets that leave for `destinations`
 * go inside packets to the closest of `neighbours`, or as they are if that is faster.
 * docs/modules/itm-route.md.
 */
import { defineModule, type Interest } from '../modules/api/module.ts';
import { PROBE_PORT } from './itm-route/probe.ts';
import { ItmRoute } from './itm-route/route.ts';
import { networkText, type RouteOptions, readRouteOptions } from './itm-route/settings.ts';

const PROBE_NS_MIN = 20e6;
const PROBE_NS_MAX = 3600e9;

export default defineModule<RouteOptions>({
  label: 'itm-route',
  about: 'sends packets through the closest of several neighbours, IP in IP',
  options: {
    self: { type: 'string', help: 'IPv4 address of this machine that neighbours and the other end send to' },
    neighbours: { type: 'list', default: [], help: 'IPv4 addresses of machines with this module' },
    destinations: {
      type: 'list',
      default: [],
      help: 'networks with the machine that answers probes there: 10.9.0.0/16@192.0.2.9',
    },
    probe: {
      type: 'duration',
      default: '1s',
      min: PROBE_NS_MIN,
      max: PROBE_NS_MAX,
      help: 'a path is asked five times in it; at least twice the longest round trip',
    },
    hysteresis: {
      type: 'number',
      default: 0.1,
      min: 0,
      max: 0.9,
      help: 'a path must be better by this part',
    },
    lifetime: {
      type: 'duration',
      default: '5s',
      min: PROBE_NS_MIN,
      help: 'a path without answers is not used',
    },
  },
  hooks: ['prerouting', 'output'],
  interest: (options): Interest => {
    const { destinations } = readRouteOptions(options);
    const mine = options.self;
    const leaving = destinations.map(networkText);
    return [
      { dst: mine, proto: 'ipip' },
      { dst: mine, proto: 'udp', dport: PROBE_PORT },
      ...(leaving.length === 0 ? [] : [{ dst: mine, proto: 'icmp' }, { dst: leaving }]),
    ];
  },
  payload: true,
  // Copies of whole packets cost more on slow machines than other modules do.
  budget: '50us',
  create: (itm, options) => new ItmRoute(itm, readRouteOptions(options)),
});
