/** What the page knows, and what its controls do. The templates are in page.ts. */
import type { MessageKind } from '../../wire/message.js';
import type { Decoded } from '../record/run.js';
import type { Recording } from '../record/recording.js';
import { type Address, readAddress, writeAddress } from './address.js';
import { Client } from './client.js';
import type { Question } from './messages.js';
import { isFault, Player, SPEEDS } from './player.js';

/** A seed with a container, a job, two links and a fault: what a newcomer sees first. */
const FIRST_SEED = 3;
/** Smaller letters are not read with ease. */
const READABLE_ZOOM = 0.8;
/** The address follows the time line, but not at every frame. */
const ADDRESS_DELAY_MS = 250;

export class App {
  player: Player | undefined;
  /** What is wrong with what was asked for last. */
  problem: string | undefined;
  isRunning = false;
  /** The scenario's text, as it stands in the editor. */
  scenario = '';
  decoded: Decoded | undefined;
  decodeProblem: string | undefined;
  /** Part of the picture's natural size; undefined: as large as there is room. */
  zoom: number | undefined;
  seed: number | undefined;
  private isOwnScenario = false;
  private writtenHash = '';
  /** Counts what was asked for: an answer to an earlier question changes nothing. */
  private turn = 0;
  private addressTimer: number | undefined;
  private readonly client = new Client();

  constructor(private readonly changed: () => void) {}

  /** What the address asks for. */
  async open(hash: string): Promise<void> {
    if (hash !== '' && hash === this.writtenHash) return;
    const turn = ++this.turn, address = await readAddress(hash);
    if (turn !== this.turn) return;
    if (address.scenario !== undefined) {
      this.scenario = address.scenario;
      await this.run({ scenario: address.scenario }, address);
    } else {
      await this.run({ seed: address.seed ?? FIRST_SEED }, address);
    }
  }

  async run(question: Exclude<Question, { message: string }>, address?: Address): Promise<void> {
    this.client.stop();
    clearTimeout(this.addressTimer);
    this.isRunning = true;
    this.problem = undefined;
    this.seed = 'seed' in question ? question.seed : undefined;
    this.changed();
    const turn = ++this.turn, answer = await this.client.ask(question);
    if (turn !== this.turn) return;
    this.isRunning = false;
    if ('recording' in answer) this.show(answer.recording, 'scenario' in question, address);
    else if ('problem' in answer && answer.problem !== 'stopped') this.problem = answer.problem;
    this.changed();
  }

  private show(recording: Recording, isOwnScenario: boolean, address: Address | undefined): void {
    this.isOwnScenario = isOwnScenario;
    const of = recording.processes.some(({ pid }) => pid === address?.of) ? address?.of : undefined;
    this.player = new Player(recording, of);
    this.player.goToEvent(address?.at ?? 0);
    this.zoom = readableZoom(recording);
    // What a person is writing stays as it was written.
    if (!this.isOwnScenario) this.scenario = scenarioText(recording);
    this.tellAddress();
  }

  stop(): void { this.client.stop(); }

  async decode(message: string, kind: MessageKind | undefined): Promise<void> {
    const answer = await this.client.ask({ message, kind });
    this.decoded = 'decoded' in answer ? answer.decoded : undefined;
    this.decodeProblem = 'problem' in answer ? answer.problem : undefined;
    this.changed();
  }

  // --- the time line

  goTo(cursor: number): void {
    if (this.player) this.player.playing = false;
    this.player?.goTo(cursor);
    this.moved();
  }

  step(by: number): void {
    this.player?.step(by);
    this.moved();
  }

  toggle(): void {
    this.player?.toggle();
    this.moved();
  }

  seekFault(direction: 1 | -1): void {
    this.player?.seek(direction, isFault);
    this.moved();
  }

  faster(by: 1 | -1): void {
    if (this.player) this.player.speed = Math.max(0, Math.min(SPEEDS.length - 1, this.player.speed + by));
    this.changed();
  }

  /** Only this process's events, or all again. */
  choose(pid: number | undefined): void {
    if (!this.player?.recording.processes.some((process) => process.pid === pid) && pid !== undefined) return;
    this.player?.choose(this.player.of === pid ? undefined : pid);
    this.moved();
  }

  setZoom(zoom: number | undefined): void {
    this.zoom = zoom;
    this.changed();
  }

  moved(): void {
    this.tellAddress();
    this.changed();
  }

  /** After a while without a change; while another run is under way, the address is that run's. */
  private tellAddress(): void {
    clearTimeout(this.addressTimer);
    if (this.isRunning) return;
    this.addressTimer = setTimeout(() => void this.writeHash(), ADDRESS_DELAY_MS);
  }

  private async writeHash(): Promise<void> {
    const { player } = this;
    if (!player) return;
    const { at, of, recording } = player, scenario = this.isOwnScenario ? JSON.stringify(recording.scenario) : undefined;
    const hash = await writeAddress({ seed: recording.scenario.seed, scenario, at, of });
    // Packing takes turns of the page, in which another run may have begun.
    if (this.isRunning || player !== this.player) return;
    this.writtenHash = hash;
    history.replaceState(null, '', hash);
  }
}

/** The whole picture, where its letters can be read then; else a part of it. */
function readableZoom({ layout: { width, height } }: Recording): number | undefined {
  const stage = document.querySelector('#stage');
  if (!stage) return undefined;
  return Math.min(stage.clientWidth / width, stage.clientHeight / height) < READABLE_ZOOM ? READABLE_ZOOM : undefined;
}

/** An act a line: as a person can read and change it. */
function scenarioText({ scenario: { acts, ...rest } }: Recording): string {
  const head = JSON.stringify(rest, undefined, 1).replace(/\n}$/, ''), lines = acts.map((act) => `  ${JSON.stringify(act)}`);
  return `${head},\n "acts": [\n${lines.join(',\n')}\n ]\n}\n`;
}
