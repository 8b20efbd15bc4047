/** What a client is answered as an ErrorResponse: the sentence is the protocol's. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** A program that the server runs failed; the reason is for the log, the client gets the original's sentence. */
export class CommandFailure extends Refusal {
  constructor(readonly detail: string, sentence: string = 'command exited with failure') { super(sentence); }
}
