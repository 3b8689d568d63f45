/** `holdfast completion`: what a shell has to read so that it completes commands and options. */
import yargs from 'yargs';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const command = defineCommand({
  options: {},
  positionals: {},
  examples: [
    ['completion >> ~/.bashrc', 'For every bash to come'],
    ['completion >> ~/.zshrc', 'The same with zsh'],
  ],
  epilogue: 'Which shell it is for is told by the variable SHELL.',
  run() {
    yargs().scriptName('holdfast').completion('completion').showCompletionScript();
    return Promise.resolve(EXIT.ok);
  },
});
