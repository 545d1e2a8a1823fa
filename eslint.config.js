import tseslint from 'typescript-eslint'

/** Who may touch the outside world: a clock, the environment, the terminal. Everything else is handed in. */
const TIME = {
  globals: ['setTimeout', 'setInterval', 'setImmediate'].map(name => ({
    name,
    message: 'Time is handed in: take a Clock (src/base/clock.ts).',
  })),
  properties: [
    { object: 'Date', property: 'now', message: 'Time is an argument: take nowMs or a Clock.' },
    { object: 'performance', property: 'now', message: 'Time is an argument: take nowMs or a Clock.' },
  ],
}
const PROCESS = [{ name: 'process', message: 'Only src/main.ts knows the process.' }]

export default tseslint.config(
  { ignores: ['build/', 'build-mutations/', 'node_modules/', '.tap/', '.ci/', 'data/'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['eslint.config.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/require-await': 'off',
      'no-console': 'error',
      'prefer-const': 'error',
      eqeqeq: 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/main.ts', 'src/base/clock.ts', 'src/demo/**'],
    rules: {
      'no-restricted-globals': ['error', ...TIME.globals, ...PROCESS],
      'no-restricted-properties': ['error', ...TIME.properties],
    },
  },
  { files: ['test/**/*.ts'], rules: { '@typescript-eslint/unbound-method': 'off' } },
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked] },
)
