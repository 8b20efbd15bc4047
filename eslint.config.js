/**
 * What `npm run lint` holds the TypeScript to: the strict rules of typescript-eslint, with types, and limits that keep a function
 * readable. AssemblyScript is another language and has its own compiler. The format is .editorconfig's; test/tidy holds it.
 */
import tseslint from 'typescript-eslint';

/** Limits to a function: its branches, its depth, its parameters, names that hide others. */
const limits = ({ parameters = 5 } = {}) => ({
  // A switch counts once: a table of cases with a line each is no branching.
  complexity: ['error', { max: 12, variant: 'modified' }],
  'max-depth': ['error', 4],
  '@typescript-eslint/max-params': ['error', { max: parameters }],
  '@typescript-eslint/no-shadow': 'error',
  'no-nested-ternary': 'error',
});

/** Rules that the project answers in another way. */
const OTHERWISE = {
  // With `noUncheckedIndexedAccess`, `array[0]!` says that an index is within bounds.
  '@typescript-eslint/no-non-null-assertion': 'off',
  // Callbacks change variables that the compiler takes for constant, and bytes from outside need not be what a type promises.
  '@typescript-eslint/no-unnecessary-condition': 'off',
  '@typescript-eslint/restrict-template-expressions': 'off',
  '@typescript-eslint/restrict-plus-operands': 'off',
  '@typescript-eslint/no-confusing-void-expression': 'off',
  '@typescript-eslint/no-meaningless-void-operator': 'off',
  // A method of an interface is often a closure in a record, which has no `this`.
  '@typescript-eslint/unbound-method': 'off',
  // An async function returns a promise for its caller's sake, whether or not it awaits something.
  '@typescript-eslint/require-await': 'off',
  // Linux's numbers are enums; what a module passes is a number.
  '@typescript-eslint/no-unsafe-enum-comparison': 'off',
  // A property that is left out of a copy, and the fields of a /proc file that nobody reads, still need a name.
  '@typescript-eslint/no-unused-vars': ['error', { args: 'none', varsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_', ignoreRestSiblings: true }],
  // Columns of a terminal are counted in code points.
  '@typescript-eslint/no-misused-spread': 'off',
  // The two objects that are thrown through a module's frames are no errors.
  '@typescript-eslint/only-throw-error': 'off',
  '@typescript-eslint/no-extraneous-class': 'off',
  // A walk to the root of a tree begins at `this`.
  '@typescript-eslint/no-this-alias': 'off',
  // Only process.umask() without an argument reads the umask without changing it.
  '@typescript-eslint/no-deprecated': 'off',
  '@typescript-eslint/no-unsafe-enum-assignment': 'off',
  '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
};

export default tseslint.config(
  { ignores: ['build/**', 'assembly/**', 'test/**/assembly/**', 'test/fuzz/hostile/**', 'docs/**', 'shim/**', '**/*.{js,mjs}'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: { ...limits(), ...OTHERWISE },
  },
  // A call of the boundary has up to five numbers, and the guest that makes it.
  { files: ['src/sim/guest/calls/**'], rules: limits({ parameters: 6 }) },
  { files: ['src/playground/page/**'], languageOptions: { parserOptions: { project: './src/playground/page/tsconfig.json', tsconfigRootDir: import.meta.dirname } } },
  // CommonJS, since Node starts it sooner.
  { files: ['**/*.cts'], rules: { '@typescript-eslint/no-require-imports': 'off' } },
  // The compiler does not find the types that dagre's declarations import.
  { files: ['src/topology/places.ts'], rules: { '@typescript-eslint/no-unsafe-call': 'off', '@typescript-eslint/no-unsafe-member-access': 'off', '@typescript-eslint/no-unsafe-assignment': 'off' } },
  { files: ['src/boundary/webassembly.d.ts'], rules: { '@typescript-eslint/no-unsafe-function-type': 'off' } },
);
