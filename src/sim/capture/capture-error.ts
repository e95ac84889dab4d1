/** The file is no capture, or is of a kind that cannot be read. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';
}
