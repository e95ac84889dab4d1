/** What the process of the files tells the instance that keeps it. */
export type FromFilesProcess =
  | { readonly type: 'serving'; readonly path: string }
  /** It goes on, and something is wrong. */
  | { readonly type: 'warning'; readonly message: string }
  /** It cannot serve, and ends. */
  | { readonly type: 'failed'; readonly message: string; readonly hint: string };
