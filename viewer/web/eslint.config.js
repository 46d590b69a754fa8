import svelte from "eslint-plugin-svelte";
import tseslint from "typescript-eslint";

/** A feature is a folder; `index.ts` is its only door. */
const doors = {
  "no-restricted-imports": [
    "error",
    { patterns: [{ regex: "^\\.\\./[^/]+/.+", message: "Import a feature through its index.ts." }] },
  ],
};

export default tseslint.config(
  { ignores: ["node_modules/"] },
  ...tseslint.configs.recommended,
  ...svelte.configs.recommended,
  { rules: { ...doors, eqeqeq: "error", "no-console": "error", "no-empty": "error", "prefer-const": "error" } },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
    // Collections in these files hold what is no state of the view; prefer-const misreads $props().
    rules: { "prefer-const": "off", "svelte/prefer-svelte-reactivity": "off" },
  },
);
