/** Classic BPF as the kernel runs it for seccomp(2): enough of it to hold two filters against each other. */

/** struct seccomp_data of linux/seccomp.h */
export interface Call { architecture: number; number: number; args: readonly bigint[] }

interface Instruction { code: number; whenTrue: number; whenFalse: number; k: number }

export class Filter {
  readonly instructions: readonly Instruction[];

  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.instructions = Array.from({ length: bytes.length / 8 }, (_, index) => ({
      code: view.getUint16(index * 8, true), whenTrue: view.getUint8(index * 8 + 2), whenFalse: view.getUint8(index * 8 + 3),
      k: view.getUint32(index * 8 + 4, true),
    }));
  }

  /** SECCOMP_RET_ of a call. */
  verdict(call: Call): number { return this.run(call).verdict; }

  run(call: Call): { verdict: number; steps: number } {
    let accumulator = 0, at = 0;
    for (let steps = 1; ; steps++) {
      const instruction = this.instructions[at];
      if (!instruction) throw new Error(`instruction ${at} is not there`);
      const { code, k, whenTrue, whenFalse } = instruction;
      at++;
      switch (code) {
        case 0x20: accumulator = word(call, k); break;
        case 0x54: accumulator = (accumulator & k) >>> 0; break;
        case 0x05: at += k; break;
        case 0x15: at += accumulator === k ? whenTrue : whenFalse; break;
        case 0x25: at += accumulator > k ? whenTrue : whenFalse; break;
        case 0x35: at += accumulator >= k ? whenTrue : whenFalse; break;
        case 0x06: return { verdict: k, steps };
        default: throw new Error(`instruction ${at - 1} is of an unknown kind: ${code.toString(16)}`);
      }
    }
  }
}

/** A word of `struct seccomp_data`. */
function word({ architecture, number, args }: Call, offset: number): number {
  if (offset === 0) return number >>> 0;
  if (offset === 4) return architecture >>> 0;
  if (offset < 16 || offset > 60 || offset % 4 !== 0) throw new Error(`a load from ${offset}`);
  const value = BigInt.asUintN(64, args[(offset - 16) >> 3] ?? 0n);
  return Number(offset % 8 === 0 ? value & 0xffff_ffffn : value >> 32n);
}
