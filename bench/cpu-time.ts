/**
 * Processor time of this process so far. What else runs on the machine does not count in it, but for what
 * that takes of the caches.
 */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
