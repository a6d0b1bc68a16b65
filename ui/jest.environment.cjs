/* A browser without a screen, with what Node has of the web and jsdom lacks. */
const { TestEnvironment } = require('jest-environment-jsdom');

module.exports = class extends TestEnvironment {
  async setup() {
    await super.setup();
    const names = ['fetch', 'Response', 'Headers', 'Request', 'ReadableStream', 'TextEncoder', 'TextDecoder'];
    for (const name of names) {
      this.global[name] ??= globalThis[name];
    }
    // jsdom's own signal is not the one that Node's fetch knows.
    this.global.AbortController = AbortController;
    this.global.AbortSignal = AbortSignal;
    this.global.crypto.randomUUID ??= () => globalThis.crypto.randomUUID();
  }
};
