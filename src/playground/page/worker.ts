/** Runs in a worker of the page: the modules, the simulated kernel, the checkers, the recorder. */
import modules from 'playground:modules';
import { PROGRAM_NAMES } from '../../boundary/programs.js';
import { preparePrograms, type Programs } from '../../sim/guest/instances.js';
import { generate } from '../../sim/scenario/generate.js';
import { parseScenario, ScenarioError } from '../../sim/scenario/parse.js';
import { markSites } from '../../sim/wasm/sites.js';
import { Codec } from '../../wire/codec-module.js';
import { provideCodec } from '../../wire/provided.js';
import { describeMessage, record } from '../record/run.js';
import type { Answer, Answered, Asked, Question } from './messages.js';

let programs: Promise<Programs> | undefined;

/** As `warden sim` prepares them: the same seed is the same run. */
function prepared(): Promise<Programs> {
  programs ??= preparePrograms(Object.fromEntries(PROGRAM_NAMES.map((name) => [name, markSites(modules[name]!).bytes])));
  return programs;
}

let codec: Codec | undefined;
provideCodec(() => codec ??= new Codec(new WebAssembly.Module(modules['codec']!)));

async function answer(question: Question): Promise<Answer> {
  if ('message' in question) return { decoded: describeMessage(question.message, question.kind) };
  const scenario = 'seed' in question ? generate(question.seed) : parseScenario(question.scenario);
  return { recording: record(await prepared(), scenario) };
}

async function answerOrRefuse(question: Question): Promise<Answer> {
  try {
    return await answer(question);
  } catch (error) {
    if (error instanceof ScenarioError || error instanceof RangeError) return { problem: error.message };
    return { problem: `the run failed, which is a mistake of the page: ${error instanceof Error ? error.stack ?? error.message : String(error)}` };
  }
}

self.onmessage = async ({ data: { id, question } }: MessageEvent<Asked>): Promise<void> => {
  const answered: Answered = { id, answer: await answerOrRefuse(question) };
  self.postMessage(answered);
};
