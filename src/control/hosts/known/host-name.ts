/** Names of hosts that others choose: devices by DHCP, and whoever owns a zone of DNS. */

/** As long as a label of DNS. */
const NAME_LENGTH_MAX = 63;

/** Such texts mean an address or a MAC wherever a host is named. */
const IS_TAKEN_FOR_ADDRESS = [
  /^[\d.]+$/,
  /^[\da-f]{2}(-[\da-f]{1,2}){5}$/,
  /^[\da-f]{4}(\.[\da-f]{4}){2}$/,
  /^[\da-f]{12}$/,
];

/**
 * The name as the configuration could have it: lower case, letters, digits, `_`, `.` and `-`. Everything
 * else, such as controls, quotes and tags, becomes `-`. Null if nothing is left, or only what looks like an
 * address.
 */
export function cleanHostName(text: string): string | null {
  const plain = text
    .slice(0, 4 * NAME_LENGTH_MAX)
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase();
  const name = plain
    .replace(/[^a-z\d_.-]+/g, '-')
    .slice(0, NAME_LENGTH_MAX)
    .replace(/^[.-]+|[.-]+$/g, '');
  return name === '' || IS_TAKEN_FOR_ADDRESS.some((form) => form.test(name)) ? null : name;
}
