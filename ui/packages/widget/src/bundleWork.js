/** The bundle of running tasks, with its style. */

import '../../components/style/zoe.css';
import { render } from './work';

export default { render };
