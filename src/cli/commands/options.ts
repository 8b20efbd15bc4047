/** Options that several commands have. */
import { Option } from 'commander';

export function depot(): Option {
  return new Option('--depot <dir>', 'where the containers\' directories are').env('WARDEN_DEPOT').default('/run/warden');
}
