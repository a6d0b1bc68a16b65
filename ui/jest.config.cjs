module.exports = {
  testEnvironment: '<rootDir>/jest.environment.cjs',
  roots: ['<rootDir>/packages'],
  testMatch: ['**/tests/**/*.test.ts', '**/tests/**/*.test.tsx'],
  transform: {
    '\\.[cm]?[jt]sx?$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2021',
          parser: { syntax: 'typescript', tsx: true },
          transform: { react: { runtime: 'automatic' } },
        },
      },
    ],
  },
  // JupyterLab's libraries are modules that Node does not load as they are.
  transformIgnorePatterns: ['/node_modules/(?!(@jupyterlab|@jupyter|@lumino|lib0|y-protocols|yjs|nanoid)/)'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^@zoe-jupyter/(api|components)$': '<rootDir>/packages/$1/src/index.ts',
    '\\.css$': '<rootDir>/jest.style.cjs',
  },
};
