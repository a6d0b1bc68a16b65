/** What has the keyboard is not behind the foot of its form, which stays in sight, and grows. */

import { useEffect, type RefObject } from 'react';

/** Looks whenever the keyboard moves within the form, and when `changed` does, with which its foot may have grown. */
export function useInSight(form: RefObject<HTMLElement>, changed: unknown): void {
  useEffect(() => {
    const element = form.current;
    if (element === null) {
      return;
    }
    const look = (): void => {
      const active = document.activeElement;
      const foot = element.querySelector('.zoe-form-foot');
      if (active === null || foot === null || !element.contains(active) || foot.contains(active)) {
        return;
      }
      // Only then: what moves under the pointer cannot be clicked. How far, its scroll margin says.
      if (active.getBoundingClientRect().bottom > foot.getBoundingClientRect().top) {
        active.scrollIntoView({ block: 'nearest' });
      }
    };
    look();
    element.addEventListener('focusin', look);
    return () => element.removeEventListener('focusin', look);
  }, [form, changed]);
}
