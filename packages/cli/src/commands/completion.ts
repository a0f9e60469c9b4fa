import type { Command } from 'commander';
import { oneOf } from '../usage.ts';

const shells = ['bash', 'zsh', 'fish'] as const;

/** The script of each shell. It calls `ring3 completion --words` with the words of the line; the last word is incomplete. */
const scripts: Readonly<Record<(typeof shells)[number], string>> = {
  bash: `_ring3() {
  local IFS=$'\\n'
  COMPREPLY=($(ring3 completion --words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _ring3 ring3
`,
  zsh: `#compdef ring3
_ring3() {
  local -a found
  found=("\${(@f)$(ring3 completion --words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
compdef _ring3 ring3
`,
  fish: `complete -c ring3 -a '(ring3 completion --words -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
};

/** `ring3 completion SHELL`: completion of commands and options, `source <(ring3 completion bash)`. */
export function addCompletion(program: Command): void {
  program
    .command('completion [shell]')
    .description(`print the completion script of a shell: ${shells.join(', ')}`)
    .option('--words <words...>', 'print the completions of the last word')
    .argument('[more...]')
    .addHelpText(
      'after',
      '\nbash: source <(ring3 completion bash)\nzsh:  ring3 completion zsh > _ring3, in a directory of $fpath\nfish: ring3 completion fish > ~/.config/fish/completions/ring3.fish',
    )
    .action((shell: string | undefined, more: readonly string[], { words }: { words?: readonly string[] }) => {
      if (words === undefined) return void process.stdout.write(scripts[oneOf('the shell', shells)(shell ?? 'nothing')]);
      const typed = [...words, ...(shell === undefined ? [] : [shell]), ...more];
      for (const word of completions(program, typed)) console.log(word);
    });
}

/**
 * The completions of the last word: the commands and options of the command that the previous words name.
 * @param words after `ring3`
 */
export function completions(program: Command, words: readonly string[]): string[] {
  const [before, last] = [words.slice(0, -1), words.at(-1) ?? ''];
  let command = program;
  for (const word of before) command = command.commands.find((one) => one.name() === word) ?? command;
  const help = command.createHelp();
  const names = help.visibleCommands(command).map((one) => one.name());
  const options = [...help.visibleOptions(command), ...(command.parent === null ? [] : command.parent.options)].map(
    ({ long }) => long ?? '',
  );
  return [...new Set([...names, ...(last.startsWith('-') ? options : [])])].filter((word) => word !== '' && word.startsWith(last)).sort();
}
