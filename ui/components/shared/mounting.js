// How a component comes on screen, follows its data, and goes.

/** What Streamlit calls, as the default export of a component's script.
 *
 *  create(parentElement) → what is on screen, an object with its outermost element as `root`;
 *  update(it, {data, setStateValue, …}) follows new data or a new theme;
 *  destroy(it) ends what would go on without it: timers, observers, listeners outside. */
function component({ create, update, destroy }) {
  const mounted = new WeakMap(); // parentElement → what create made
  return (call) => {
    const parent = call.parentElement;
    let it = mounted.get(parent);
    if (!it?.root.isConnected) {
      if (it) destroy(it);
      it = create(parent);
      mounted.set(parent, it);
    }
    update(it, call);
    return () => {
      // Called when the component has gone; but also, while it stays, for data that were replaced
      // before this script had been loaded.
      if (it.root.isConnected || mounted.get(parent) !== it) return;
      mounted.delete(parent);
      destroy(it);
    };
  };
}
