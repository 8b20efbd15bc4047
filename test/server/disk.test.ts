import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { kinds, responseFrame } from '../../src/proto/message.js';
import { answerOf, merged, parseQuota } from '../../src/server/linux/disk.js';
import { exchange } from './support/vectors.js';

const disk = suite('server disk');
const NONE = { blockSoft: 0n, blockHard: 0n, inodeSoft: 0n, inodeHard: 0n };

disk('the answer to a limit is the recorded one', () => {
  const answer = answerOf(merged(NONE, { blockSoft: 3n, inode: 77n, byteLimit: 4000n }));
  assert.equal(responseFrame(kinds.LimitDisk, answer), exchange('limit_disk-set').reply);
});

disk('later fields win, and what is not given stays', () => {
  const before = { blockSoft: 1n, blockHard: 2n, inodeSoft: 3n, inodeHard: 4n };
  assert.equal(merged(before, {}), before);
  assert.equal(merged(before, { byteLimit: 1025n, byteHard: 4097n }), { ...before, blockHard: 5n });
  assert.equal(merged(before, { byteHard: 1n, blockLimit: 7n, blockHard: 9n, byteSoft: 1n, inodeSoft: 8n }), {
    blockSoft: 1n, blockHard: 9n, inodeSoft: 8n, inodeHard: 4n,
  });
});

disk('quota(1)\'s last line is read, with its stars', () => {
  const text = 'Disk quotas for user #10000 (uid 10000): \n     Filesystem   space   quota   limit   grace   files   quota   limit   grace\n'
    + '                   12*     10      20       0       3       0      77       0\n';
  assert.equal(parseQuota(text), { bytesUsed: 12_288n, inodesUsed: 3n, blockSoft: 10n, blockHard: 20n, inodeSoft: 0n, inodeHard: 77n });
  assert.equal(parseQuota('Disk quotas for user #10000 (uid 10000): none\n').bytesUsed, 0n);
});

disk.run();
