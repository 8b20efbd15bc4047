/** All kinds of sequences. */
import { descriptors } from './descriptors.js';
import { files } from './files.js';
import { memoryGroups } from './memory-groups.js';
import { processes } from './processes.js';
import type { Kind } from './sequence.js';
import { terminals } from './terminals.js';

export const kinds: readonly Kind[] = [descriptors, files, memoryGroups, processes, terminals];
