/**
 * Every bound of the program in one place, with the relations between them asserted at load. Reaching a bound
 * of the data path is counted in the statistics and shown by `status`, except two that never drop or delay
 * packets: FRAGMENTS_MAX and FAIR_HOSTS_MAX say what happens then. Exceeding a bound of the configuration or
 * the control socket is an error.
 */

/**
 * Rows of one arrival batch: one recvmmsg call, one crossing into TypeScript. Mirrored in native/columns.h.
 */
export const ARRIVAL_ROWS = 256;
/** Rows of the verdict columns. More verdicts are sent in several crossings. Mirrored in native/columns.h. */
export const VERDICT_ROWS = 1024;
/** Rows for verdicts that the kernel refused, read by one drain. Mirrored in native/columns.h. */
export const FAILURE_ROWS = 256;
/**
 * Neighbours and addresses of which the addon tells in one call; more come in the next, after packets have
 * had their turn. Mirrored in native/columns.h.
 */
export const HOST_EVENT_ROWS = 512;
/**
 * Sockets that the addon lists in one call, and descriptors of a process; more come in the next. Mirrored in
 * native/columns.h.
 */
export const SOCKET_ROWS = 512;
/**
 * Descriptors of processes that the packet thread looks at to find whose socket a new flow has, of which each
 * takes 2 to 3 us: for one flow, and in a second. Beyond them the flow is classified as if no process had it,
 * until the next scan of the control thread, half a second later.
 */
export const DESCRIPTORS_PER_FLOW_MAX = 1024;
export const DESCRIPTORS_PER_SEC_MAX = 50_000;
/** Processes begun since the last look that the packet thread looks at for one flow: the newest. */
export const NEW_PROCESSES_PER_FLOW_MAX = 256;
/** Processes that belong to no subject and are remembered because their sockets were asked for. */
export const OTHER_HOLDERS_MAX = 64;
/** Bytes copied of each packet by default: enough for IPv6 + options + TCP with all its options. */
export const COPY_BYTES = 128;
/**
 * Most bytes of a packet that an NFQUEUE may ask for, and most new bytes of an edited packet: the length of
 * an attribute has 16 bits and counts its header of 4 bytes. Superpackets of an MTU of 1500 are shorter.
 * Mirrored in native/columns.h.
 */
export const COPY_BYTES_MAX = 65531;
/**
 * Bytes of slab per arrival row beside the copied packet: netlink attributes. Mirrored in native/columns.h.
 */
export const ATTRIBUTE_BYTES = 4096;
/** Bytes of slab per arrival row where no NFQUEUE asks for longer copies. */
export const SLOT_BYTES = ATTRIBUTE_BYTES + COPY_BYTES;
/**
 * Bytes at the end of the slab for new bytes of edited packets: four superpackets or 170 full-sized packets.
 * When it is full, the verdicts written so far are sent first. Mirrored in native/columns.h.
 */
export const EDIT_BYTES = 1 << 18;
/** Batches handled in one wake-up before the event loop gets a turn (control socket, signals). */
export const BATCHES_PER_WAKEUP_MAX = 16;

/** NFQUEUEs of classes that one instance may own. */
export const CLASS_NFQUEUES_MAX = 64;
/** NFQUEUEs that one instance may own: one more brings packets to modules. Mirrored in native/columns.h. */
export const NFQUEUES_MAX = CLASS_NFQUEUES_MAX + 1;
/** Packets that the kernel can hold per NFQUEUE since each has a hash table of its own (April 2026). */
export const QUEUE_LENGTH_MAX = 65536;
/**
 * The highest number of an NFQUEUE of ours. The next one, 65535, is the last of all: nobody reads it, and
 * packets of this host pass by it (acceptUnrouted in packet/batch.ts). An instance that read it would get the
 * packets of all others, and send them there again.
 */
export const NFQUEUE_NUMBER_MAX = 65534;
/**
 * Packets held over all NFQUEUEs. Bounds the kernel memory that they pin, about 2.2 kB a full-sized packet.
 */
export const HELD_MAX = 262144;
/** Verdicts remembered so that a late "no such packet" can be booked to its class; a power of two. */
export const VERDICT_LOG_ROWS = 262144;

/** Classes over all links and directions. */
export const CLASSES_MAX = 4096;
/** Depth of classes below a direction. A packet charges each class on its way. */
export const CLASS_DEPTH_MAX = 128;
/** Flows remembered at once; a power of two. The oldest idle flows make room. */
export const FLOWS_MAX = 262144;
/** Flows that have a number for modules; a power of two. The most silent ones lose theirs. */
export const MODULE_FLOWS_MAX = 65536;
/** Packets that one module may hold. Holding one more is an error of the module. */
export const MODULE_HELD_MAX = 10_000;
/** A packet that a module has held for so long is accepted, and counts as an error of the module. */
export const MODULE_HOLD_NS_MAX = 30e9;
/** The bytes of packets that modules hold, by length: 146 MB at most, taken as they are needed. */
export const MODULE_BYTES_MAX = [
  { bytes: 128, packets: 65536 },
  { bytes: 2048, packets: 65536 },
  { bytes: COPY_BYTES_MAX, packets: 64 },
] as const;
/** A module whose mean over a second is above its budget goes, if it had so many packets in it. */
export const MODULE_BUDGET_PACKETS = 1000;
/** Subjects of one packet, the control groups around its own included. Those beyond are not found. */
export const SUBJECTS_OF_PACKET_MAX = 256;
/**
 * Questions to the kernel whose a flow is, while only a listening socket is known. Then the flow counts for
 * that one until it is classified again: packets that belong to no connection must not ask for ever.
 */
export const OWNER_QUESTIONS_MAX = 32;
/**
 * Datagrams whose first fragment is remembered; a power of two. The later fragments of a forgotten datagram
 * count as a flow without ports.
 */
export const FRAGMENTS_MAX = 4096;
/** Token buckets of `each`, over all classes; a power of two. */
export const EACH_BUCKETS_MAX = 131072;

/**
 * New bytes of edited packets between arrival and verdict, by length: acknowledgements, full-sized packets,
 * superpackets. 46 MB at most, taken as they are needed. Beyond them acknowledgements leave unedited, and
 * packets that a module has changed are dropped.
 */
export const EDITS_MAX = [
  { bytes: 128, packets: 65536 },
  { bytes: 2048, packets: 16384 },
  { bytes: COPY_BYTES_MAX, packets: 64 },
] as const;

/** SACK blocks that fit into the options of a TCP segment (RFC 2018, 3). */
export const SACK_BLOCKS_MAX = 4;

/**
 * TCP segments recorded for who watches a connection that were not read yet; a power of two. Older ones are
 * overwritten, and counted as missed.
 */
export const TRACE_ROWS = 16384;
/** Recording ends so long after the last word of who watches. */
export const TRACE_LEASE_NS = 5e9;
/** The longest that a connection is watched with one request. */
export const TCP_SECONDS_MAX = 600;
/** Connections of a subject that are told apart. Segments of further ones are counted only. */
export const TCP_CONNECTIONS_MAX = 1000;
/** Segments told in one go, ten times a second. Further ones are counted only. */
export const TCP_SEGMENTS_TOLD_MAX = 1000;
/** Segments in one picture. Further ones are counted only. */
export const TCP_SEGMENTS_SHOWN_MAX = 300_000;

/** Subjects that are attached to classes at once. */
export const ATTACHMENTS_MAX = 1024;
/** Events that a client may still ask for which connects later, or again. */
export const EVENTS_KEPT = 1000;
/** Classes whose last change is remembered, to refuse requests that were made before it. */
export const CLASS_CHANGES_REMEMBERED = 10_000;
/**
 * Inside hosts whose totals are kept; a power of two. Idle ones make room, which `hosts` counts as forgotten.
 * As many as addresses: one whose device is not known is a host of its own.
 */
export const HOSTS_MAX = 65536;
/**
 * Inside addresses of these hosts; a power of two: 10,000 devices with four addresses and as many more that
 * were theirs. Flows and verdicts keep the number of a row in 16 bits.
 */
export const ADDRESSES_MAX = 65536;
/**
 * News of hosts that nobody has read yet; a power of two. Older ones are overwritten. In the time between two
 * looks, 250 ms, thousands of hosts may turn out to be others at once, after a reload or a start, and each of
 * these has to be read: else their bytes would be counted twice.
 */
export const HOST_NEWS_ROWS = 16384;
/** In a full table an address that was seen in this time makes no room for another. */
export const HOST_IDLE_NS = 600e9;
/**
 * IPv4 addresses that one MAC may have at a time. With more, people are told: it is a router, or a device
 * that makes addresses up.
 */
export const MAC_ADDRESSES_MAX = 16;
/** Hosts that the file of history remembers. Beyond it, those that were seen longest ago are forgotten. */
export const STORED_HOSTS_MAX = 4 * HOSTS_MAX;
/** Points of history that one question may ask for. */
export const HISTORY_ANSWER_POINTS_MAX = 100_000;

/** Names that the configuration gives to hosts. */
export const HOST_NAMES_MAX = 65536;
/** Quotas of a configuration. */
export const QUOTAS_MAX = 64;
/** Windows of one quota. */
export const QUOTA_WINDOWS_MAX = 8;
/** Lengths of the steps in which history is kept. */
export const HISTORY_STEPS_MAX = 8;
/** Steps of one length that are kept of each host. */
export const HISTORY_POINTS_MAX = 100_000;
/** Length of a file of DHCP leases: beyond it the file is not read, and the log says so. */
export const LEASE_FILE_BYTES_MAX = 16 << 20;
/** Leases of one file; those that the server wrote last are taken. */
export const LEASES_MAX = 65536;
/** Answers of reverse DNS that are remembered, also that there is no name. The oldest make room. */
export const REVERSE_NAMES_MAX = 16384;
/** Addresses that wait for their turn to be asked; others are asked when somebody looks again. */
export const REVERSE_NAMES_WAITING_MAX = 1024;

/** Length of a configuration file. */
export const CONFIG_BYTES_MAX = 1 << 20;
/** Values in a configuration, counting what aliases repeat. */
export const CONFIG_NODES_MAX = 100_000;
/** Each state that schedules can bring about is read as a whole configuration when a file is checked. */
export const SCHEDULE_STATES_MAX = 64;

/** Length of the body of a request on the control socket: a configuration file fits. */
export const CONTROL_BODY_BYTES_MAX = CONFIG_BYTES_MAX;
/** Bytes of all bodies that are being received. Further ones are refused. */
export const CONTROL_BODIES_BYTES_MAX = 16 * CONTROL_BODY_BYTES_MAX;
/** Length of the first line and the headers of a request. */
export const CONTROL_HEADER_BYTES_MAX = 8192;
/** Control connections open at once. One more ends the one that has been idle longest. */
export const CONTROL_CLIENTS_MAX = 256;
/** Requests of one connection that wait for the answer to the one before. One more ends the connection. */
export const CONTROL_PIPELINED_MAX = 64;
/** A request that has not come whole within this time is refused, and its connection closed. */
export const CONTROL_REQUEST_MS = 10_000;
/** A control connection that sends nothing, or takes no answer, for this long is closed. */
export const CONTROL_IDLE_MS = 60_000;
/**
 * Clients that follow the events at once. They never have to make room, so they are fewer than the
 * connections.
 */
export const CONTROL_EVENT_STREAMS_MAX = 64;
/** Events that a client has not read yet. Beyond them its connection is cut. */
export const CONTROL_EVENT_BYTES_MAX = 1 << 18;
/** A stream of events without an event says so often that it stands. */
export const CONTROL_HEARTBEAT_MS = 15_000;

/** Bytes of a value that a program writes to a file of the mounted tree (src/files). */
export const FILE_VALUE_BYTES_MAX = 65536;
/** Files and directories of the mounted tree that programs may have open at once. */
export const FILE_HANDLES_MAX = 65536;
/** A program waits so long for the answer to one call on a file. A change may have to install rules first. */
export const FILE_ANSWER_MS_MAX = 35_000;

/** Flow queues of fair leaves, over all leaves; a power of two. */
export const FAIR_QUEUES_MAX = 262144;
/**
 * Hosts between which fair leaves divide, over all leaves; a power of two. Further hosts of a class are one
 * host together.
 */
export const FAIR_HOSTS_MAX = 131072;

/**
 * Flow queues of hosts whose rate is limited, over all of them; a power of two. The packets of a flow that
 * finds no room are dropped unless they conform at once.
 */
export const LIMITED_QUEUES_MAX = 65536;

/** A flow is forgotten after this long without packets, unless some of its packets are held. */
export const FLOW_IDLE_NS = 60e9;
/** One of a paced connection: what its window has promised would be forgotten with it. */
export const PACED_IDLE_NS = 600e9;
/** Later fragments find their first one for this long (RFC 791 suggests 15 s, Linux uses 30 s). */
export const FRAGMENT_IDLE_NS = 30e9;
/**
 * An `each` bucket is forgotten after this long full and unused. Nothing is lost: a new bucket starts full.
 */
export const EACH_IDLE_NS = 60e9;

/**
 * Packets that are due within this span leave together. Buckets are charged at the due instant, so packets
 * move by at most the span, and no tokens are minted.
 */
export const RELEASE_SLACK_NS = 100e3;
/**
 * Acknowledgements that are due within this span go on together: each wake-up costs as much as several
 * packets. The schedule keeps the instant. What they allow to be sent comes so much earlier at most, and
 * shares whose acknowledgements wait have one every few milliseconds.
 */
export const HELD_ACK_SLACK_NS = 1e6;

/** Reading and joining the files of a module takes at most this long; then its load fails. */
export const MODULE_BUNDLE_MS_MAX = 60_000;
/** So long may the outermost statements of a module run where no packet waits; then its load fails. */
export const MODULE_RUN_MS_MAX = 1000;
/** Modules of a configuration. */
export const MODULES_MAX = 100;

const isPowerOfTwo = (n: number): boolean => n > 0 && (n & (n - 1)) === 0;
for (const [name, n] of Object.entries({
  VERDICT_LOG_ROWS,
  FLOWS_MAX,
  FRAGMENTS_MAX,
  EACH_BUCKETS_MAX,
  FAIR_QUEUES_MAX,
  FAIR_HOSTS_MAX,
  LIMITED_QUEUES_MAX,
  TRACE_ROWS,
  HOSTS_MAX,
  ADDRESSES_MAX,
  HOST_NEWS_ROWS,
})) {
  if (!isPowerOfTwo(n)) throw new Error(`${name} must be a power of two`);
}
if (VERDICT_ROWS < 2 * ARRIVAL_ROWS)
  throw new Error('a batch must fit the verdict columns with room for releases');
if (EDIT_BYTES < COPY_BYTES_MAX) throw new Error('the edit area must hold any packet');
if (HELD_MAX > VERDICT_LOG_ROWS) throw new Error('verdicts for everything held must fit the verdict log');
// What packed columns and records hold. A value that does not fit would be cut silently.
if (CLASSES_MAX > 0x8000)
  throw new Error('rows of classes must fit 16 bits with a sign: flow records, verdict log, chains, heirs');
if (CLASS_DEPTH_MAX > 0xff) throw new Error('heights of classes must fit 8 bits');
if (NFQUEUES_MAX > 0x7e)
  throw new Error('the index of an NFQUEUE plus 1 must fit the mark codes 0x01 to 0x7e');
if (HELD_MAX + ARRIVAL_ROWS > 0x7fffffff / 16)
  throw new Error('places of held records, in words, must fit 31 bits');
if (Math.max(FLOWS_MAX, FAIR_QUEUES_MAX, EACH_BUCKETS_MAX, FAIR_HOSTS_MAX) > 0x7fffffff / 32)
  throw new Error('places of records of key tables, in words, must fit 31 bits');
if (VERDICT_LOG_ROWS > 0x80000000)
  throw new Error('tags of 31 bits must tell the rows of the verdict log apart');
if (Math.max(HOSTS_MAX, ADDRESSES_MAX) > 0x10000)
  throw new Error('numbers of rows of hosts and addresses must fit 16 bits: flow records, verdicts');
if (CONTROL_EVENT_STREAMS_MAX >= CONTROL_CLIENTS_MAX)
  throw new Error('of the control connections one that is no stream of events must be able to make room');
