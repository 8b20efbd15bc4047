/** `warden completion`: scripts for shells, which call `warden complete` at every TAB; and the output of that command. */
import type { Command } from 'commander';
import { WardenError } from '../../base/errors.js';
import { printable } from '../../base/escape.js';
import { complete } from './complete.js';
import { print } from '../support/print.js';

export type Shell = 'bash' | 'zsh' | 'fish';

// Each line is a candidate, a tab and its description; or ":" and what the shell should complete itself.
const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `# Completion of warden for bash: source <(warden completion bash)
_warden() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) compopt -o default ;;
      :directories) compopt -o dirnames ;;
      :*) ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <("$1" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null)
}
complete -F _warden warden
`,
  zsh: `#compdef warden
# Completion of warden for zsh: warden completion zsh > DIRECTORY/_warden, a directory of $fpath; or source <(warden completion zsh)
_warden() {
  local line
  local -a candidates
  for line in "\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2> /dev/null)}"; do
    case $line in
      :files) _files ;;
      :directories) _files -/ ;;
      :*|'') ;;
      *) candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done
  (( $#candidates )) && _describe -V warden candidates
}
if [[ $funcstack[1] == _warden ]]; then _warden "$@"; else compdef _warden warden; fi
`,
  fish: `# Completion of warden for fish: warden completion fish | source
function __warden_complete
  set -l words (commandline -opc) (commandline -ct)
  for line in (command $words[1] complete -- $words[2..-1] 2> /dev/null)
    switch $line
      case ':files'
        __fish_complete_path (commandline -ct)
      case ':directories'
        __fish_complete_directories (commandline -ct)
      case ':*'
      case '*'
        echo $line
    end
  end
end
complete -c warden -f -a '(__warden_complete)'
`,
};

export async function completion(shell: Shell): Promise<number> {
  await print(SCRIPTS[shell]);
  return 0;
}

/** Prints candidates. Errors are not reported: a message would appear in the middle of the user's command line. */
export async function answer(program: Command, words: readonly string[]): Promise<number> {
  const { candidates, shell } = await complete(program, words).catch((error: unknown) => {
    if (error instanceof WardenError) return { candidates: [], shell: 'nothing' };
    throw error;
  });
  const lines = candidates.map(({ value, description }) => `${value}\t${printable(description)}`);
  await print([...lines, `:${shell}`, ''].join('\n'));
  return 0;
}
