export * from './client.js';
export * from './errors.js';
export * from './events.js';
export * from './store.js';
export * from './terminations.js';
export * from './units.js';
export * from './views.js';
export * from './workers.js';
export { messages, type Message } from './sse.js';
