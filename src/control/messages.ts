/**
 * Messages between the packet thread and the control thread. A question of the control thread has an id, and
 * its answer has the same one.
 */
import type { LoadedConfig } from '../config/config.ts';
import type { EachClass } from '../core/each/fullest.ts';
import type { HostsUpdate } from '../core/hosts/update.ts';
import type { FlowName, Inspection } from '../core/inspect.ts';
import type { SubjectsUpdate } from '../core/subjects/update.ts';
import type { TraceBegun } from '../core/trace/trace.ts';
import type { TraceSubject } from '../core/trace/trace-subject.ts';
import type { Renamed } from '../spec/edit.ts';
import type { ModuleUse } from '../spec/modules.ts';
import type { EventType } from './events.ts';
import type { ModuleAnswer, ModuleCommand } from './modules.ts';
import type { ControlErrorCode } from './server.ts';
import type { SnapshotTaken } from './snapshot.ts';
import type { StatusSubject } from './status.ts';

/** Given to the control thread when it starts. */
export interface ControlStart {
  readonly socketPath: string;
  /** The group that may connect as well. null: only our own user. */
  readonly gid: number | null;
  readonly subject: StatusSubject;
  readonly config: ConfigSource;
  /** The memory of the flow table, which the packet thread goes on writing. */
  readonly flows: ArrayBufferLike;
  /** The memory of inside hosts (core/hosts/host-reader.ts), in the same way. */
  readonly hosts: ArrayBufferLike;
}

/** The configuration by which the instance started. */
export interface ConfigSource {
  readonly text: string;
  /** Absolute path of the file that it came from. */
  readonly file: string;
}

/**
 * What the packet thread goes by. With `isMarkAuto` the mark mask of the specification is a guess, and the
 * one in use stays.
 */
export type AppliedConfig = Pick<
  LoadedConfig,
  'spec' | 'modules' | 'history' | 'isMarkAuto' | 'socketPath' | 'socketGroup' | 'filesFolder' | 'logLevel'
>;

/** A configuration by which the instance shall run from now on: with its leases and schedules. */
export interface ApplyRequest {
  readonly config: AppliedConfig;
  /** As `save` would write it: without leases, schedules and classes that end with a command. */
  readonly base: ConfigSource;
  /** Where relative files of modules start: the folder of the file by which the instance runs. */
  readonly folder: string;
  /** Classes that moved since the configuration that was applied last. */
  readonly renamed: Renamed;
  /**
   * Packets are shaped as before, and pass the same modules: only `access`, a schedule that does not hold now
   * or so has changed.
   */
  readonly isSpecSame: boolean;
}

/**
 * `restart`: the running process cannot change it. `invalid`: a file that it names cannot be used. `failed`:
 * the machine refused, for example a rule or an NFQUEUE. `stopping`: the instance ends. In every case all is
 * as before the request.
 */
export type ApplyRefusal = {
  readonly ok: false;
  readonly code: 'restart' | 'invalid' | 'failed' | 'stopping';
  /** What it is about: a class, link or key of the configuration. Empty if it is about all. */
  readonly where: string;
  readonly message: string;
  readonly hint: string;
};

export type ApplyAnswer =
  | {
      readonly ok: true;
      readonly generation: number;
      /** What the machine cannot do of it, as sentences. */
      readonly notes: readonly string[];
    }
  | ApplyRefusal;

export interface TimedAnswer {
  readonly applied: ApplyAnswer;
  /** From the request to the answer. A change of classes alone keeps the packet thread busy for so long. */
  readonly tookMs: number;
}

/** A line for the log of the instance, which the packet thread writes. */
export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** New values of a class, as a module wants them. */
export interface ModuleSet {
  /** The label of the module. */
  readonly by: string;
  readonly path: string;
  readonly values: Readonly<Record<string, string | number | boolean>>;
}

/** Addresses that the rules know: those of stopped hosts, and those of names that they may reach. */
export interface StoppedAddresses {
  readonly stopped: readonly string[];
  readonly allowed: readonly string[];
}

export type FromControlThread =
  | { readonly type: 'listening' }
  | {
      readonly type: 'failed';
      readonly code: ControlErrorCode;
      readonly message: string;
      readonly hint: string;
    }
  | { readonly type: 'snapshot'; readonly id: number }
  | { readonly type: 'each'; readonly id: number }
  | { readonly type: 'inspect'; readonly id: number; readonly flows: readonly FlowName[] }
  /** Record TCP segments of the subject for a while, or no more. */
  | { readonly type: 'trace'; readonly id: number; readonly subject: TraceSubject | null }
  | { readonly type: 'apply'; readonly id: number; readonly request: ApplyRequest }
  | { readonly type: 'module'; readonly id: number; readonly command: ModuleCommand }
  /** Which modules there are, as a configuration would name them. */
  | { readonly type: 'uses'; readonly id: number }
  /** What has come of a `set` message with the same number. null: it is in force. */
  | { readonly type: 'set-done'; readonly request: number; readonly refusal: string | null }
  /** What is known of hosts, and what they may, from the next batch on. */
  | { readonly type: 'hosts'; readonly update: HostsUpdate }
  | { readonly type: 'subjects'; readonly update: SubjectsUpdate }
  /** Addresses of hosts that a quota has stopped, and of what they reach all the same: for the rules. */
  | { readonly type: 'stopped'; readonly addresses: StoppedAddresses }
  | { readonly type: 'log'; readonly line: LogLine }
  /** A client wants the instance to end. */
  | { readonly type: 'stop' };

export type ToControlThread =
  | { readonly type: 'snapshot'; readonly id: number; readonly answer: SnapshotTaken }
  | { readonly type: 'each'; readonly id: number; readonly answer: readonly EachClass[] }
  | { readonly type: 'inspect'; readonly id: number; readonly answer: Inspection }
  | { readonly type: 'trace'; readonly id: number; readonly answer: TraceBegun | null }
  | { readonly type: 'apply'; readonly id: number; readonly answer: TimedAnswer }
  | { readonly type: 'module'; readonly id: number; readonly answer: ModuleAnswer }
  | { readonly type: 'uses'; readonly id: number; readonly answer: readonly ModuleUse[] }
  /** A module changes a class, as `shaper set` does. `set-done` answers. */
  | ({ readonly type: 'set'; readonly request: number } & ModuleSet)
  /** Reload the file by which the instance runs. The log is told of the result. */
  | { readonly type: 'reload' }
  /** Something has happened that those who watch are told. */
  | { readonly type: 'event'; readonly event: EventType; readonly data: object }
  /** The instance was asked to stop: nothing changes any more. */
  | { readonly type: 'stopping' }
  | { readonly type: 'close' };
