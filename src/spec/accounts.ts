/** The users and groups of the machine that shapes. */
export interface AccountNames {
  userNames(): readonly string[];
  groupNames(): readonly string[];
}
