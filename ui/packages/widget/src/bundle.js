/** The bundle: the widget with its style. */

import '../../components/style/zoe.css';
import { render } from './index';

export default { render };
