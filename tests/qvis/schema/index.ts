// Stands for @quictools/qlog-schema, which qvis needs for drafts older than version 0.3 only.

export const Defaults = { versionAliases: [] as string[], versionName: '' };
export enum EventCategory { none = '' }
export default {};
