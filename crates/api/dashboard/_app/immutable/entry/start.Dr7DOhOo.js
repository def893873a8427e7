import{s as r}from"../chunks/DIYrU9Wt.js";import{y as t}from"../chunks/B_4UojIm.js";export{t as load_css,r as start};
