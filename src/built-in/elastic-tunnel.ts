/**
 * A soft guarantee of bandwidth, as the elastic tunnel of the itmBench paper: packets that match travel in so
 * many TCP connections to another instance as it takes to get the target among others.
 * docs/modules/elastic-tunnel.md.
 */
import { defineModule } from '../modules/api/module.ts';
import { interestOf, readTunnelOptions, type TunnelOptions } from './elastic-tunnel/settings.ts';
import { ElasticTunnel } from './elastic-tunnel/tunnel.ts';

const CONNECTIONS_MAX = 16;
const CONNECTIONS_MOST = 256;
const PERIOD_NS_MIN = 100e6;
const PERIOD_NS_MAX = 3600e9;

export default defineModule<TunnelOptions>({
  label: 'elastic-tunnel',
  about: 'carries packets in as many TCP connections as their target rate takes',
  options: {
    peer: { type: 'string', help: 'address of the other instance, perhaps with its port: 192.0.2.1:24755' },
    listen: { type: 'string', default: ':24755', help: 'where the peer connects; empty: it does not' },
    match: {
      type: 'list',
      default: [],
      help: 'conditions key=value, as dst=10.2.0.0/16; all must hold; none: only packets of the peer come out',
    },
    target: {
      type: 'rate',
      default: '8mbit',
      min: 1,
      help: 'what the packets shall get, as the peer receives it',
    },
    connectionsMax: {
      ...{ type: 'integer', default: CONNECTIONS_MAX, min: 1, max: CONNECTIONS_MOST },
      help: 'connections, at most',
    },
    period: {
      ...{ type: 'duration', default: '1s', min: PERIOD_NS_MIN, max: PERIOD_NS_MAX },
      help: 'the goodput is measured over it; several round trips',
    },
  },
  hooks: ['output', 'forward'],
  interest: ({ match }) => interestOf(match),
  payload: true,
  // Copies of whole packets cost more on slow machines than other modules do.
  budget: '50us',
  create: (itm, options) => new ElasticTunnel(itm, readTunnelOptions(options), options.match.length > 0),
});
