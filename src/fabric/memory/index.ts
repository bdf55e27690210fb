/** The reference fabric: peers of one program, for tests and for games on one machine. */
export { InMemoryLoom, type InMemoryLoomOptions } from './in-memory-loom.ts'
export { InMemoryTag } from './in-memory-tag.ts'
