/** Runs a scenario and records it; decodes messages. What the page asks of its worker, without the worker. */
import type { Programs } from '../../sim/guest/instances.js';
import { runScenario } from '../../sim/campaign/run-scenario.js';
import type { Scenario } from '../../sim/scenario/scenario.js';
import { WHOLE } from '../../wire/codec-module.js';
import { parseHex } from '../../wire/hex.js';
import { decode, type MessageKind } from '../../wire/message.js';
import { providedCodec } from '../../wire/provided.js';
import { recognise } from '../../wire/recognise.js';
import { textOfReading } from '../../wire/text.js';
import { Recorder } from './recorder.js';
import type { Recording } from './recording.js';

export function record(programs: Programs, scenario: Scenario): Recording {
  const recorder = new Recorder();
  return recorder.finish(scenario, runScenario(programs, scenario, [recorder]));
}

const plain = (text: string): string => text;
const PLAIN = { bold: plain, dim: plain, good: plain, bad: plain };

export interface Decoded { readonly isGood: boolean; readonly text: string }

/** A pasted message in words; without a kind, all that it may be. A RangeError says what in the text is no byte. */
export function describeMessage(pasted: string, kind: MessageKind | undefined): Decoded {
  const codec = providedCodec(), message = parseHex(pasted);
  const readings = kind === undefined ? recognise(codec, message) : [decode(codec, kind, message)];
  // The codec has one message at a time: each reading is written down while it is the last.
  const texts = readings.map((reading) => textOfReading(codec, decode(codec, reading.kind, message), PLAIN));
  return { isGood: readings.some(({ verdict }) => verdict === WHOLE), text: texts.join('\n\n') };
}
