/** What the page asks its worker, and how that answers. */
import type { MessageKind } from '../../wire/message.js';
import type { Decoded } from '../record/run.js';
import type { Recording } from '../record/recording.js';

export type Question = { readonly seed: number } | { readonly scenario: string }
  | { readonly message: string; readonly kind: MessageKind | undefined };

/** `problem` is a sentence about what was asked. */
export type Answer = { readonly recording: Recording } | { readonly decoded: Decoded } | { readonly problem: string };

export interface Asked { readonly id: number; readonly question: Question }
export interface Answered { readonly id: number; readonly answer: Answer }
