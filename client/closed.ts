/** What whoever asks a closed client is told. */
import { KajeError } from '../shared/errors.ts';

export function clientClosed(): KajeError {
  return new KajeError('CLIENT_CLOSED', 'This client is closed: make a new Kaje to go on');
}
