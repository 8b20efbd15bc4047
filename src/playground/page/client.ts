/** The worker as the page sees it: a question at a time of each sort; a newer one makes an older run end. */
import source from 'playground:worker';
import type { Answer, Answered, Asked, Question } from './messages.js';

export class Client {
  private worker: Worker | undefined;
  private readonly waiting = new Map<number, (answer: Answer) => void>();
  private last = 0;

  private start(): Worker {
    const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' })), worker = new Worker(url);
    URL.revokeObjectURL(url);
    worker.onmessage = ({ data: { id, answer } }: MessageEvent<Answered>) => {
      this.waiting.get(id)?.(answer);
      this.waiting.delete(id);
    };
    worker.onerror = (event) => this.fail(`the page's worker failed: ${event.message}`);
    return worker;
  }

  private fail(problem: string): void {
    for (const resolve of this.waiting.values()) resolve({ problem });
    this.waiting.clear();
  }

  ask(question: Question): Promise<Answer> {
    this.worker ??= this.start();
    const asked: Asked = { id: ++this.last, question };
    this.worker.postMessage(asked);
    return new Promise((resolve) => { this.waiting.set(asked.id, resolve); });
  }

  /** Ends what runs: nobody waits for it any more. */
  stop(): void {
    if (this.waiting.size === 0) return;
    this.worker?.terminate();
    this.worker = undefined;
    this.fail('stopped');
  }
}
