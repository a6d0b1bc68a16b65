export { AttachedCards, type AttachedCardsProps } from './AttachedCards.js';
export { AttachForm, type AttachFormProps, type NotebookChoice, type SwapWish } from './AttachForm.js';
export { ConnectionBanner } from './ConnectionBanner.js';
export { ExecutionCard, type ExecutionActions, type ExecutionCardProps } from './ExecutionCard.js';
export { FollowedCard, type FollowedCardProps } from './FollowedCard.js';
export { FormFoot, type FormFootProps } from './FormFoot.js';
export { useDoing, useNow, useSnapshot } from './hooks.js';
export { Logs, type LogSource } from './Logs.js';
export { NameField, type NameFieldProps } from './NameField.js';
export { boundsOf, Panel, type FormState, type PanelProps, type ShelfState } from './Panel.js';
export { Picture, type PictureProps } from './Picture.js';
export { costSentence, outlookSentence, PlanPreview, type Preview } from './PlanPreview.js';
export {
  changed,
  defaultsOf,
  given,
  labelOf,
  memoryFault,
  schemaOf,
  uiSchemaOf,
  valuesOf,
  type Values,
} from './parameters.js';
export { usePreview, type AskPlan } from './preview.js';
export { explanation, holdings, sizes, stateWord } from './sentences.js';
export { limits, Share, usedSentence } from './Share.js';
export { attachable, ShopShelf } from './ShopShelf.js';
export { Sparkline } from './Sparkline.js';
export { StartProgress } from './StartProgress.js';
export { SwapNote } from './SwapNote.js';
export { english, TextsProvider, useTexts, type Texts } from './texts.js';
export { WorkerScale } from './WorkerScale.js';
