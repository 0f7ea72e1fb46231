export { defineTask } from '../shared/task.ts';
