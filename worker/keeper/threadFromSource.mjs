// Where Kaje runs from its source: tsx does not reach into threads by itself. Not part of the build.
import { register as registerCommonJs } from 'tsx/cjs/api';
import { register } from 'tsx/esm/api';

registerCommonJs();
register();
await import('./thread.ts');
