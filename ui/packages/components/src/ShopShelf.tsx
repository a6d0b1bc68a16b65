/** The shop: what there is to start, found by typing. */

import { useId, useState, type ReactElement } from 'react';
import type { Shop, ZApp } from '@zoe-jupyter/api';
import { Picture } from './Picture.js';
import { Prose } from './Prose.js';
import { useTexts } from './texts.js';

export interface ShopShelfProps {
  /** Null while it is being read. */
  readonly shop: Shop | null;
  /** Why it could not be read; empty: it could. */
  readonly error: string;
  readonly onChoose: (zapp: ZApp) => void;
  readonly onRetry: () => void;
}

/** What a notebook can attach. ZApps that bring a Jupyter server of their own are started at the Hub. */
export function attachable(shop: Shop): readonly ZApp[] {
  return shop.zapps.filter((zapp) => zapp.attachable && !zapp.server);
}

export function ShopShelf({ shop, error, onChoose, onRetry }: ShopShelfProps): ReactElement {
  const trans = useTexts();
  const [wanted, setWanted] = useState('');
  const found = useId();
  if (error !== '') {
    return (
      <p className="zoe-banner" role="alert">
        <span>{error}</span>
        <button type="button" className="zoe-button" onClick={onRetry}>
          {trans.__('Try again')}
        </button>
      </p>
    );
  }
  if (shop === null) {
    return (
      <p className="zoe-quiet" role="status">
        {trans.__('Reading the shop…')}
      </p>
    );
  }
  const all = attachable(shop);
  const shown = all.filter((zapp) => matches(zapp, wanted));
  return (
    <>
      {all.length > 1 && (
        <input
          type="search"
          className="zoe-input zoe-search"
          placeholder={trans.__('Search')}
          aria-label={trans.__('Search the shop')}
          aria-controls={found}
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
        />
      )}
      <ul id={found} className="zoe-shelf">
        {shown.map((zapp) => (
          <li key={zapp.name}>
            <button type="button" className="zoe-goods" onClick={() => onChoose(zapp)}>
              <Picture icon={zapp.icon ?? ''} title={zapp.title || zapp.name} />
              <span className="zoe-goods-text">
                <span className="zoe-goods-title">{zapp.title || zapp.name}</span>
                {zapp.description && (
                  <span className="zoe-quiet">
                    <Prose text={zapp.description} />
                  </span>
                )}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <p className="zoe-quiet" role="status">
        {all.length === 0 && trans.__('There is nothing in the shop that a notebook can attach.')}
        {all.length > 0 && shown.length === 0 && trans.__('Nothing in the shop matches “%1”.', wanted)}
      </p>
    </>
  );
}

function matches(zapp: ZApp, wanted: string): boolean {
  const text = [zapp.name, zapp.title, zapp.description].join(' ').toLowerCase();
  return wanted
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
